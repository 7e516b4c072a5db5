"""What touches boards: find, build, flash, provision, deploy, watch, and find the fault."""
