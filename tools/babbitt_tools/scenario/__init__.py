"""Virtual nodes with something to live through: what a scenario is, its file, its troubles, and the fleet that plays it."""
