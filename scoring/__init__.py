"""The score: rule packs, the plain evaluator that is the specification, and the compiled kernel. Pure."""
