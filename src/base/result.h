#pragma once
// Result: how every failure that the outside can cause is returned.
//
// `Result<T>` is `std::expected<T, Error>`. Each library declares a small `enum class ErrorKind`; an Error holds one
// enumerator of one such enum and a message with the path, errno or id in it. The layer that must react asks
// `error.kind<its::ErrorKind>()` and switches exhaustively; everything else passes the Error up, adding context.
// A failure only our own bug can cause is HEARTH_CHECK (base/check.h), never a Result.

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hearth {

class [[nodiscard]] Error {
 public:
  template <class Kind>
    requires std::is_enum_v<Kind>
  Error(Kind kind, std::string message)
      : type_(&type_tag<Kind>), kind_(static_cast<int>(kind)), message_(std::move(message)) {}

  // The kind, if this error is of library enum `Kind`.
  template <class Kind>
    requires std::is_enum_v<Kind>
  std::optional<Kind> kind() const {
    if (type_ != &type_tag<Kind>) return std::nullopt;
    return static_cast<Kind>(kind_);
  }
  template <class Kind>
    requires std::is_enum_v<Kind>
  bool is(Kind kind) const {
    return type_ == &type_tag<Kind> && kind_ == static_cast<int>(kind);
  }

  const std::string& message() const { return message_; }

  // The same error with `context` and ": " put before its message.
  Error with_context(std::string_view context) const& { return Error(*this).with_context(context); }
  Error with_context(std::string_view context) && {
    message_ = std::string(context) + ": " + message_;
    return std::move(*this);
  }

 private:
  template <class Kind>
  static inline const char type_tag{};

  const char* type_;
  int kind_;
  std::string message_;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// A failed Result of any type: `return fail(ErrorKind::kNotFound, "function f")`.
template <class Kind>
  requires std::is_enum_v<Kind>
[[nodiscard]] std::unexpected<Error> fail(Kind kind, std::string message) {
  return std::unexpected<Error>(Error(kind, std::move(message)));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace hearth

#define HEARTH_CONCAT_INNER(a, b) a##b
#define HEARTH_CONCAT(a, b) HEARTH_CONCAT_INNER(a, b)

// TRY(auto x, expression): declares x from the Result's value, or returns its error. A statement, never an expression.
// CO_TRY is the same inside a coroutine. TRY_STATUS is for Status.
#define HEARTH_TRY_IMPL(ret, temp, declaration, ...)       \
  auto temp = (__VA_ARGS__);                               \
  if (!temp) ret std::unexpected(std::move(temp).error()); \
  declaration = *std::move(temp)
#define TRY(declaration, ...) HEARTH_TRY_IMPL(return, HEARTH_CONCAT(try_, __COUNTER__), declaration, __VA_ARGS__)
#define CO_TRY(declaration, ...) HEARTH_TRY_IMPL(co_return, HEARTH_CONCAT(try_, __COUNTER__), declaration, __VA_ARGS__)
#define HEARTH_TRY_STATUS_IMPL(ret, temp, ...) \
  if (auto temp = (__VA_ARGS__); !temp) ret std::unexpected(std::move(temp).error())
#define TRY_STATUS(...) HEARTH_TRY_STATUS_IMPL(return, HEARTH_CONCAT(try_, __COUNTER__), __VA_ARGS__)
#define CO_TRY_STATUS(...) HEARTH_TRY_STATUS_IMPL(co_return, HEARTH_CONCAT(try_, __COUNTER__), __VA_ARGS__)
