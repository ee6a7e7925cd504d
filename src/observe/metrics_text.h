#pragma once
// MetricsText: numbers about this server in the text format that Prometheus and its kin read.
//
// Names and help are the caller's literals. Times are in seconds, as that format wants them. Tests:
// metrics_text_test.cc

#include <cstdint>
#include <string>
#include <string_view>

#include "observe/duration_histogram.h"

namespace hearth::observe {

class MetricsText {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // Only ever grows while the server runs.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  // How much there is now.
  void gauge(std::string_view name, std::string_view help, double value);
  void histogram(std::string_view name, std::string_view help, const DurationHistogram& histogram);

  std::string take() { return std::move(text_); }

 private:
  void head(std::string_view name, std::string_view help, std::string_view type);
  std::string text_;
};

}  // namespace hearth::observe
