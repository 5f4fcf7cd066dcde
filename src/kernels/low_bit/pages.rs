//! Memory for packed weights: large pages where the system gives them.
//!
//! A step reads every weight once, in order. With pages of 4 kB the processor's prefetching ends at each page and the
//! table of pages has a quarter of a million entries; large pages make reading from memory faster by a fifth or more.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Zeroed elements in whole pages.
pub(super) struct Pages<T> {
    map: memmap2::MmapMut,
    length: usize,
    element: PhantomData<T>,
}

/// Types that are valid for any bytes, without padding or pointers.
///
/// # Safety
/// The type has to be that.
pub(super) unsafe trait PlainData: Copy + Send + Sync {}

impl<T: PlainData> Pages<T> {
    /// Zeros.
    ///
    /// # Errors
    /// The system has not so much memory.
    pub(super) fn new(length: usize) -> std::io::Result<Pages<T>> {
        let map = memmap2::MmapMut::map_anon((length * size_of::<T>()).max(1))?;
        // Only speed is at stake: a system without large pages gives small ones.
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::HugePage));
        Ok(Pages { map, length, element: PhantomData })
    }
}

impl<T: PlainData> Deref for Pages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the map holds `length` elements, which are valid for any bytes; a page is aligned for all of them.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.length) }
    }
}

impl<T: PlainData> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the map is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.length) }
    }
}
