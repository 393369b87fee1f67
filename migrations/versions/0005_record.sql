-- Failures, replays, forks: what a thread did.
select 1;
