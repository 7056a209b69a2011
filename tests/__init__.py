"""Tests of what crosses packages: the programs as users start them."""
