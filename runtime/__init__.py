"""The composition root and the operations that both faces, command line and console, stand on."""
