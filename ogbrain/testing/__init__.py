"""The conformance kit: test cases that a plugin's own tests stand on."""
