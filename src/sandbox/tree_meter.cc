#include "sandbox/tree_meter.h"

#include <algorithm>

#include "launcher/process_tree.h"

namespace hearth::sandbox {

ByteCount TreeMeter::in_use() {
  const ByteCount now{launcher::measure_tree(init_).memory_bytes};
  peak_.value = std::max(peak_.value, now.value);
  return now;
}

ByteCount TreeMeter::peak() {
  in_use();
  return peak_;
}

}  // namespace hearth::sandbox
