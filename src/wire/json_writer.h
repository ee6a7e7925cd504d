#pragma once
// JsonWriter: writes a reply's members straight into the body. Absent members are not written.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/json_text.h"
#include "wire/box.h"
#include "wire/timestamp.h"

namespace hearth::wire {

class JsonWriter {
 public:
  template <class T>
  void member(std::string_view name, const T& value) {
    key(name);
    write(value);
  }
  template <class T>
  void member(std::string_view name, const std::optional<T>& value) {
    if (value) member(name, *value);
  }
  template <class T>
  void member(std::string_view name, const Box<T>& value) {
    if (value) member(name, *value);
  }
  void blob(std::string_view name, const std::string& bytes);
  void blob(std::string_view name, const std::optional<std::string>& bytes) {
    if (bytes) blob(name, *bytes);
  }
  void timestamp(std::string_view name, TimePoint time, TimestampFormat format);
  void timestamp(std::string_view name, const std::optional<TimePoint>& time, TimestampFormat format) {
    if (time) timestamp(name, *time, format);
  }

  void begin_object() {
    out_ += '{';
    first_ = true;
  }
  void end_object() {
    out_ += '}';
    first_ = false;
  }
  std::string take() { return std::move(out_); }

 private:
  void key(std::string_view name);
  void write(const std::string& text) { append_json_string(out_, text); }
  void write(std::int32_t number);
  void write(std::int64_t number);
  void write(double number);
  void write(bool truth);
  template <class T>
  void write(const std::vector<T>& items) {
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ',';
      write(items[i]);
    }
    out_ += ']';
  }
  template <class T>
  void write(const std::map<std::string, T>& entries) {
    begin_object();
    for (const auto& [name, value] : entries) member(name, value);
    end_object();
  }
  // A structure: the generated `encode` of its type, found by argument-dependent lookup.
  template <class T>
    requires std::is_class_v<T>
  void write(const T& value) {
    begin_object();
    encode(*this, value);
    end_object();
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace hearth::wire
