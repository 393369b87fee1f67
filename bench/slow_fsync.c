/* Preloaded into a private PostgreSQL: every flush to disk takes a millisecond longer, as on a disk that is not this
   machine's. The real flush still happens. */

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_a_millisecond(void) {
  struct timespec millisecond = {0, 1000000L};
  nanosleep(&millisecond, NULL);
}

int fsync(int descriptor) {
  wait_a_millisecond();
  return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  wait_a_millisecond();
  return (int)syscall(SYS_fdatasync, descriptor);
}
