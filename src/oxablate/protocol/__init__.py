"""When: the timeline, and the only place that couples processes."""
