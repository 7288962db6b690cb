"""The demo: a synthetic city streams live through a real worker, and what is claimed at the end is checked."""
