#include "storage/erase.h"

#include <utility>

namespace hearth::storage {
namespace {

constexpr std::size_t kPiece = 500;

}  // namespace

Task<Status> erase_in_pieces(Store& store, std::string prefix, net::FairTurns& turns) {
  net::Pace pace(turns);
  std::string after;  // what was erased takes time to pass over
  for (;;) {
    CO_TRY(std::vector<Entry> entries, store.scan(prefix, after, kPiece));
    const bool last = entries.size() < kPiece;
    if (!last) after = entries.back().key;
    Batch batch;
    for (Entry& entry : entries) batch.erase(std::move(entry.key));
    CO_TRY(const Ticket written, store.commit(std::move(batch)));
    if (last) co_return Status();
    // On disk first: until then they are in memory, and reading on means passing over them.
    auto syncing = store.durable(written);
    CO_TRY_STATUS(co_await std::move(syncing));
    co_await pace.rest();
  }
}

}  // namespace hearth::storage
