//! All integration tests, in one binary.

<<<<<<< HEAD
mod decode;
mod schedule;
mod toy;
=======
mod tokenize;
>>>>>>> tokenize
