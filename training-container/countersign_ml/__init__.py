"""Countersign's training container: `python -m countersign_ml embed|train|evaluate|optimise|serve`."""
