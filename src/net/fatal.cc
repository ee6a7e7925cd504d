#include "net/fatal.h"

#include <unistd.h>

#include <cstdlib>

#include "observe/log.h"

namespace hearth::net {

void end_program(std::string_view what, std::exception_ptr failure) noexcept {
  const observe::Logger log(STDERR_FILENO, observe::Level::kError, observe::LogFormat::kText);
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const std::exception& error) {
    log.error(what, {{"what", error.what()}});
  } catch (...) {
    log.error(what, {{"what", "not a std::exception"}});
  }
  std::abort();
}

}  // namespace hearth::net
