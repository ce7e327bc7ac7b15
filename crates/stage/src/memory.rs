//! The largest resident size that this process ever had.

/// Peak resident bytes of this process.
///
/// On Linux from `/proc/self/status`: `getrusage` there also counts what the parent held
/// before it started this executable, which makes every stage look as large as Airflow.
#[cfg(target_os = "linux")]
#[must_use]
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Peak resident bytes of this process.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole `rusage`, which the call fills in.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: zeroed memory is a valid `rusage`, and the call has succeeded.
    let usage = unsafe { usage.assume_init() };
    // macOS counts bytes, other systems kibibytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss)
        .ok()
        .map(|value| value * unit)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_has_a_peak() {
        let before = super::peak_resident_bytes().unwrap();
        assert!(before > 100_000, "{before}");
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = super::peak_resident_bytes().unwrap();
        assert!(after >= before + (32 << 20), "{before} {after}");
        drop(block);
    }
}
