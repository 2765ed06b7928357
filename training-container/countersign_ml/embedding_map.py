"""The test images on a plane, near where their embeddings are near: t-SNE, started from the principal components."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

MOST = 2000
"""Images that are shown; more would take minutes and say no more."""
FEWEST = 12


def places(embeddings: np.ndarray) -> np.ndarray:
    """(n, 2) in 0..1; the same embeddings get the same places. Few images: principal components alone."""
    if len(embeddings) < FEWEST:
        plane = np.zeros((len(embeddings), 2))
        if len(embeddings) > 2:
            plane = PCA(2, random_state=0).fit_transform(embeddings)
    else:
        perplexity = min(30.0, (len(embeddings) - 1) / 3)
        reduced = PCA(min(50, *embeddings.shape), random_state=0).fit_transform(embeddings)
        plane = TSNE(2, perplexity=perplexity, init="pca", random_state=0, max_iter=500).fit_transform(reduced)
    low, high = plane.min(axis=0), plane.max(axis=0)
    return (plane - low) / np.where(high > low, high - low, 1)
