"""A seeded generator of a synthetic city in the shape of Fuzhou's; nobody in it exists."""
