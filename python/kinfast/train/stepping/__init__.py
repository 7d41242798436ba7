"""What one step of training is made of: loss, number format, kernels, optimiser, schedule, averaged weights."""
