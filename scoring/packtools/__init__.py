"""What a policy maker does with rule packs: check them, read them, compare them, and try them on scenarios."""
