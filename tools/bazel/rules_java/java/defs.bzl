"""Stands in for rules_java, which Bazel would download: its rules are the native ones.

Bazel's own build files load it for the Java toolchain, which a Python project has to name though it never uses it.
"""

java_binary = native.java_binary
java_import = native.java_import
java_library = native.java_library
java_proto_library = native.java_proto_library
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
