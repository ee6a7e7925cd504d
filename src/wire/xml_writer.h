#pragma once
// XmlWriter: writes a query reply's members straight into the body. Absent members are not written.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "wire/box.h"
#include "wire/timestamp.h"

namespace hearth::wire {

// Escapes what XML 1.0 needs escaped; characters it cannot carry become U+FFFD.
void append_xml_text(std::string& out, std::string_view text);

// Element names of lists and maps. `item` is empty for a flattened list: its items bear the member's own name.
struct XmlForm {
  std::string_view item = "member";
  std::string_view key = "key";
  std::string_view value = "value";
};

class XmlWriter {
 public:
  template <class T>
  void member(std::string_view name, const T& value, XmlForm form = {}) {
    write(name, value, form);
  }
  template <class T>
  void member(std::string_view name, const std::optional<T>& value, XmlForm form = {}) {
    if (value) write(name, *value, form);
  }
  template <class T>
  void member(std::string_view name, const Box<T>& value, XmlForm form = {}) {
    if (value) write(name, *value, form);
  }
  void blob(std::string_view name, const std::optional<std::string>& bytes);
  void timestamp(std::string_view name, const std::optional<TimePoint>& time, TimestampFormat format);

  void open(std::string_view name, std::string_view xml_namespace = {});
  void close(std::string_view name);
  void text(std::string_view name, std::string_view value);
  std::string take() { return std::move(out_); }

 private:
  void write(std::string_view name, const std::string& value, XmlForm) { text(name, value); }
  void write(std::string_view name, std::int32_t value, XmlForm) { text(name, std::to_string(value)); }
  void write(std::string_view name, std::int64_t value, XmlForm) { text(name, std::to_string(value)); }
  void write(std::string_view name, double value, XmlForm);
  void write(std::string_view name, bool value, XmlForm) { text(name, value ? "true" : "false"); }
  template <class T>
  void write(std::string_view name, const std::vector<T>& items, XmlForm form) {
    const bool flattened = form.item.empty();
    if (!flattened) open(name);
    for (const T& item : items) write(flattened ? name : form.item, item, XmlForm{});
    if (!flattened) close(name);
  }
  template <class T>
  void write(std::string_view name, const std::map<std::string, T>& entries, XmlForm form) {
    const bool flattened = form.item.empty();
    if (!flattened) open(name);
    for (const auto& [key, value] : entries) {
      open(flattened ? name : "entry");
      text(form.key, key);
      write(form.value, value, XmlForm{});
      close(flattened ? name : "entry");
    }
    if (!flattened) close(name);
  }
  // A structure: the generated `encode` of its type, found by argument-dependent lookup.
  template <class T>
    requires std::is_class_v<T>
  void write(std::string_view name, const T& value, XmlForm /*form*/) {
    open(name);
    encode(*this, value);
    close(name);
  }

  std::string out_;
};

}  // namespace hearth::wire
