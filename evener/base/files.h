#pragma once
// Whole files in and out, with the system's reason when it does not work.

#include <cstddef>
#include <string>
#include <string_view>

#include "evener/core/result.h"

namespace evener {

/// The contents; refused beyond `bytes_max`. Also for files in /proc, which do not tell their size. Folders are refused.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

/// Replaces the file or makes it: whoever reads it meets the old or the new contents, never a part, and after a power cut too. The new file
/// has exactly this mode, whatever the umask; its folder must exist.
[[nodiscard]] Result<void> write_file_atomically(const std::string& path, std::string_view contents, unsigned mode);

}  // namespace evener
