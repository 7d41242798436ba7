"""prepared/ to minibatches: the store's reader, splits, augmentation, loaders."""
