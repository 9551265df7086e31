//! The same bytes with the findings replaced and nothing else touched.
