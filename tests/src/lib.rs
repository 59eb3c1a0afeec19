//! Checks that span the workspace. They stand in `tests/tests`; this library is empty on purpose.
