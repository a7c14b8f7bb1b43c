//! Files that are whole or not there, and figures about the process.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::args::Exit;

/// Prints a line; that nobody reads it, as after `| head -1`, is no failure.
pub fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A CSV file under way: written beside its place, and moved there when whole.
#[derive(Debug)]
pub struct PendingCsv {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<fs::File>,
}

fn failed(path: &Path, error: &std::io::Error) -> Exit {
    Exit {
        code: 1,
        message: format!("file {:?}: {error}", path.display().to_string()),
    }
}

/// Checks that a file can have this place: its folder is there, and it is no folder itself.
pub fn check_place(path: &str) -> Result<(), Exit> {
    let place = Path::new(path);
    let folder = place.parent().filter(|f| !f.as_os_str().is_empty());
    let message = match folder {
        Some(folder) if !folder.is_dir() => "there is no such folder".to_owned(),
        _ if place.is_dir() || place.file_name().is_none() => "it is no file".to_owned(),
        _ => return Ok(()),
    };
    Err(Exit {
        code: 1,
        message: format!("file {path:?}: {message}"),
    })
}

impl PendingCsv {
    /// Begins a file.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, Exit> {
        let path = path.into();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        match fs::File::create(&partial) {
            Ok(file) => Ok(Self {
                path,
                partial,
                writer: BufWriter::new(file),
            }),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Writes one row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> Result<(), Exit> {
        let mut line = String::new();
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                line.push(',');
            }
            let cell = cell.as_ref();
            if cell.contains([',', '"', '\n', '\r']) {
                line.push('"');
                line.push_str(&cell.replace('"', "\"\""));
                line.push('"');
            } else {
                line.push_str(cell);
            }
        }
        line.push('\n');
        self.writer
            .write_all(line.as_bytes())
            .map_err(|error| failed(&self.path, &error))
    }

    /// Flushes the file, so that only the move is left.
    pub fn flush(&mut self) -> Result<(), Exit> {
        self.writer
            .flush()
            .map_err(|error| failed(&self.path, &error))
    }

    /// Moves the whole file to its place.
    pub fn finish(mut self) -> Result<(), Exit> {
        self.flush()?;
        fs::rename(&self.partial, &self.path).map_err(|error| failed(&self.path, &error))
    }
}

impl Drop for PendingCsv {
    fn drop(&mut self) {
        // After `finish` there is no such file; after an error it must not stay.
        let _ = fs::remove_file(&self.partial);
    }
}

/// The most memory that the process has held, in MiB; `None` where the system does not say.
pub fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Sets the peak back to what the process holds now; whether the system can do that.
pub fn reset_peak_memory() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}
