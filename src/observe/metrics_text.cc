#include "observe/metrics_text.h"

#include <fmt/format.h>

namespace hearth::observe {

void MetricsText::head(std::string_view name, std::string_view help, std::string_view type) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  head(name, help, "counter");
  text_ += fmt::format("{} {}\n", name, value);
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value) {
  head(name, help, "gauge");
  text_ += fmt::format("{} {}\n", name, value);
}

void MetricsText::histogram(std::string_view name, std::string_view help, const DurationHistogram& histogram) {
  head(name, help, "histogram");
  const auto& buckets = histogram.buckets();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < buckets.size(); ++i) {
    below += buckets[i];
    text_ += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, static_cast<double>(std::uint64_t{1} << i) / 1e6, below);
  }
  text_ += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, histogram.count(),
                       std::chrono::duration<double>(histogram.total()).count());
}

}  // namespace hearth::observe
