#pragma once
// Helpers of the gateway's unit tests: running a task to its end, and building requests.

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/task.h"

namespace hearth::gateway {

template <class T>
net::Task<> keep_result(net::Task<T> task, std::optional<T>* result) {
  result->emplace(co_await std::move(task));
}

// Runs `task` and whatever it starts until nothing is left to do on `loop`.
template <class T>
T run_on(net::Loop& loop, net::Task<T> task) {
  std::optional<T> result;
  loop.spawn(keep_result(std::move(task), &result));
  loop.run();
  EXPECT_TRUE(result.has_value()) << "the task did not end";
  return std::move(*result);
}

// A folder of its own for one test, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_((std::filesystem::temp_directory_path() / ("hearth-gateway-" + hex_encode(random_bytes(8)))).string()) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline net::HttpRequest request(std::string method, std::string target, std::vector<Header> headers = {},
                                std::string body = {}) {
  if (!find_header(headers, "host")) headers.insert(headers.begin(), {"Host", "127.0.0.1:4566"});
  return {.head = {.method = std::move(method), .target = std::move(target), .headers = std::move(headers)},
          .body = std::move(body),
          .peer = "127.0.0.1:50000"};
}

}  // namespace hearth::gateway
