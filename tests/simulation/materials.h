#pragma once
// Small things that several parts of the simulation make or read: packages, and lines of functions' logs.

#include <string>
#include <string_view>

#include "functions/zip_builder.h"

namespace hearth::simulation {

// A package whose content is `word`.
inline std::string make_zip(const std::string& word) {
  return functions::ZipBuilder().add("app.py", "# " + word + "\n").finish();
}

// Whether every line of a function in `text` ("LINE REQUEST ...") is of `request_id`.
inline bool is_log_of(std::string_view text, std::string_view request_id) {
  for (std::size_t at = text.find("LINE "); at != std::string_view::npos; at = text.find("LINE ", at + 1)) {
    if (at > 0 && text[at - 1] != '\n') continue;
    // The tail is cut anywhere; only whole ids count.
    const std::string_view id = text.substr(at + 5, 36);
    if (id.size() == 36 && id != request_id) return false;
  }
  return true;
}

}  // namespace hearth::simulation
