"""Backbones, streams and heads."""
