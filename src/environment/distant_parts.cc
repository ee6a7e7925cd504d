#include "environment/distant_parts.h"

#include <utility>

#include "base/check.h"
#include "net/run_there.h"

namespace hearth::environment {

net::Task<Result<std::string>> DistantCode::tree(functions::CodePackage code) {
  auto ask = [&source = code_, code = std::move(code)]() mutable { return source.tree(std::move(code)); };
  return net::run_there(here_, there_, std::move(ask));
}

net::Task<Result<std::string>> DistantCode::layers(std::vector<functions::CodePackage> packages) {
  auto ask = [&source = code_, packages = std::move(packages)]() mutable { return source.layers(std::move(packages)); };
  return net::run_there(here_, there_, std::move(ask));
}

void DistantLogs::append(const std::string& account, const std::string& region, const std::string& group,
                         const std::string& stream, std::vector<LogLine> lines) {
  HEARTH_CHECK(here_.on_thread());
  std::size_t bytes = 0;
  for (const LogLine& line : lines) bytes += line.text.size();
  if (gathered_bytes_ + bytes + *on_the_way_ > kMostOnTheWay) {
    log_.warn("log lines were dropped: they come faster than they are stored",
              {{"group", group}, {"stream", stream}, {"lines", std::to_string(lines.size())}});
    return;
  }
  gathered_bytes_ += bytes;
  gathered_.push_back({account, region, group, stream, std::move(lines)});
  if (gathered_.size() == 1) here_.post([this] { flush(); });
}

void DistantLogs::flush() {
  HEARTH_CHECK(here_.on_thread());
  if (gathered_.empty()) return;
  const std::size_t bytes = std::exchange(gathered_bytes_, 0);
  *on_the_way_ += bytes;
  there_.post([&sink = sink_, on_the_way = on_the_way_, bytes, batches = std::exchange(gathered_, {})]() mutable {
    for (Batch& batch : batches) {
      sink.append(batch.account, batch.region, batch.group, batch.stream, std::move(batch.lines));
    }
    *on_the_way -= bytes;
  });
}

DistantParts::DistantParts(net::Loop& here, const EnvironmentParts& there, Doors& doors)
    : here_(here),
      there_(there),
      doors_(doors),
      turns_(here, kForeignPiecesPerTurn),
      alarms_(here),
      sandboxes_(here, there.loop, there.sandboxes),
      code_(here, there.loop, there.code),
      logs_(here, there.loop, there.logs, there.log) {}

EnvironmentParts DistantParts::parts() {
  return {.loop = here_,
          .turns = turns_,
          .alarms = alarms_,
          .clock = there_.clock,
          .sandboxes = sandboxes_,
          .code = code_,
          .runtimes = there_.runtimes,
          .doors = doors_,
          .logs = logs_,
          .log = there_.log,
          .locale = there_.locale};
}

}  // namespace hearth::environment
