//! Revisioned tables with compare-and-set, in memory or in SQLite.
