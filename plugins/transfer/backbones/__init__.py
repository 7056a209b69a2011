"""Pretrained networks by one interface."""
