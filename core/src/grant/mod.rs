//! Permission that ends, and approvals by people.
