//! Vectors, rows and ids, counted as the bytes pass.
