//! Which script a character belongs to, as far as this program has to tell scripts apart.
