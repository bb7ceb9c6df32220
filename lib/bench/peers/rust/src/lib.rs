// SPDX-License-Identifier: MIT

//! Rust's locks as a module of the libfastsync benchmark: `fsyb_peer` of ../../peer.h. The loops are generic over the
//! lock and monomorphised, so that a lock's fast path is inlined as in any Rust program.

#[cfg(feature = "extras")]
mod extras;
mod loops;
mod record;
mod subjects;
mod waits;

use record::{Impl, Table, ABI};

/// # Safety
/// The harness uses the table as peer.h says: one `create`, any number of concurrent `run`, one `destroy`.
#[no_mangle]
pub unsafe extern "C" fn fsyb_peer(abi: i32) -> *const Impl {
    static TABLE: Table = Table(subjects::TABLE);
    if abi == ABI {
        TABLE.0.as_ptr()
    } else {
        std::ptr::null()
    }
}
