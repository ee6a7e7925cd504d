#include "storage/rocks_engine.h"

#include <fmt/format.h>
#include <malloc.h>
#include <rocksdb/cache.h>
#include <rocksdb/experimental.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <mutex>
#include <utility>

#include "storage/rocks_file_system.h"
#include "storage/rocks_manifest.h"

namespace hearth::storage {
namespace {

constexpr SyncSite kProbeSite{"rows.probe"};  // keeps nothing: space that the disk promised is there only when synced

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::unexpected<Error> reopening() {
  return fail(ErrorKind::kUnavailable, "the database is being opened again after the disk failed");
}

// Small settings: an idle process stays near 9 MiB, opening takes some milliseconds, and commits are as fast as with
// large ones because they wait for the sync of the log, not for memory.
rocksdb::Options small_options(ByteCount buffer) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.max_background_jobs = 2;
  options.write_buffer_size = buffer.value;
  options.arena_block_size = 32U << 10U;
  options.max_open_files = 64;
  options.max_file_opening_threads = 1;  // starting more costs more than the few files they would open
  options.compression = rocksdb::kLZ4Compression;
  options.compaction_readahead_size = 64U << 10U;
  options.writable_file_max_buffer_size = 64U << 10U;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1U << 20U;
  options.max_bgerror_resume_count = 0;  // recovering is ours

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(4U << 20U, 0);
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

std::unexpected<Error> rocks_failure(std::string_view what, const rocksdb::Status& status) {
  const ErrorKind kind = status.IsCorruption() ? ErrorKind::kCorrupt : ErrorKind::kUnavailable;
  return fail(kind, fmt::format("{}: {}{}", what, status.IsNoSpace() ? "disk full: " : "", status.ToString()));
}

// Remembers that something failed in the background; the storage thread looks.
class RocksEngine::Listener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    (void)reason;
    (void)error;
    damaged = true;
  }
  std::atomic<bool> damaged = false;
};

RocksEngine::RocksEngine(std::string path, ByteCount buffer, DiskWatch* watch)
    : path_(std::move(path)), buffer_(buffer), files_(watch), listener_(std::make_shared<Listener>()) {
  if (watch) env_ = rocksdb::NewCompositeEnv(watched_file_system(*watch));
}

RocksEngine::~RocksEngine() = default;

Result<std::unique_ptr<RocksEngine>> RocksEngine::open(std::string path, ByteCount buffer, DiskWatch* watch) {
  std::unique_ptr<RocksEngine> engine(new RocksEngine(std::move(path), buffer, watch));
  if (const Status opened = engine->open_database(); !opened) {
    // Whoever starts the server needs to know it could not open, not that it may try later.
    const bool corrupt = opened.error().is(ErrorKind::kCorrupt);
    return fail(corrupt ? ErrorKind::kCorrupt : ErrorKind::kIo, opened.error().message());
  }
  return engine;
}

Status RocksEngine::open_database() {
  rocksdb::Options options = small_options(buffer_);
  options.listeners.push_back(listener_);
  if (env_) options.env = env_.get();
  listener_->damaged = false;
  rocksdb::DB* database = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, path_, &database);
  if (status.IsCorruption()) {
    TRY(const bool was_torn, trim_torn_manifest(files_, path_));
    if (was_torn) status = rocksdb::DB::Open(options, path_, &database);
  }
  if (!status.ok()) return rocks_failure(fmt::format("cannot open the database in {}", path_), status);
  database_.reset(database);
  return {};
}

Result<std::optional<std::string>> RocksEngine::get(std::string_view key) const {
  const std::shared_lock open(open_, std::try_to_lock);
  if (!open || !database_) return reopening();
  std::string value;
  const rocksdb::Status status = database_->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return rocks_failure("cannot read from the database", status);
  return value;
}

RocksEngine::Reading::Reading(std::shared_lock<std::shared_mutex> open, rocksdb::DB& database, std::string lower,
                              std::string upper)
    : open_(std::move(open)),
      lower_(std::move(lower)),
      upper_(std::move(upper)),
      lower_slice_(lower_),
      upper_slice_(upper_) {
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_slice_;
  if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
  iterator_.reset(database.NewIterator(options));
}

Result<std::unique_ptr<RocksEngine::Reading>> RocksEngine::read(std::string lower, std::string upper) const {
  std::shared_lock open(open_, std::try_to_lock);
  if (!open || !database_) return reopening();
  return std::make_unique<Reading>(std::move(open), *database_, std::move(lower), std::move(upper));
}

Status RocksEngine::write(const std::vector<PendingWrite>& writes) {
  if (!database_) return reopening();
  std::size_t bytes = 0;
  for (const PendingWrite& write : writes) bytes += write->key.size() + (write->value ? write->value->size() : 0) + 16;
  rocksdb::WriteBatch batch(bytes);
  for (const PendingWrite& write : writes) {
    const rocksdb::Status added =
        write->value ? batch.Put(slice(write->key), slice(*write->value)) : batch.Delete(slice(write->key));
    if (!added.ok()) return rocks_failure("cannot write", added);
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = database_->Write(options, &batch);
  if (!status.ok()) return rocks_failure("cannot write", status);
  return {};
}

bool RocksEngine::is_damaged() const { return listener_->damaged; }

Status RocksEngine::probe(std::size_t space) const {
  const std::string path = path_ + ".probe";
  TRY_STATUS(files_.remove(path));
  const auto write_probe = [&]() -> Status {
    TRY(const UniqueFd fd, files_.create(path, 0600));
    TRY_STATUS(files_.write(fd.get(), path, std::string(space, '\0')));
    return files_.sync(fd.get(), path, kProbeSite);
  };
  const Status written = write_probe();
  TRY_STATUS(files_.remove(path));
  return written;
}

Status RocksEngine::recover(std::size_t space) {
  TRY_STATUS(probe(space));
  const std::unique_lock exclusive(open_);
  if (database_) {
    // What its closing has to complain about is what we are recovering from.
    [[maybe_unused]] const rocksdb::Status closed = database_->Close();
    database_.reset();
  }
  return open_database();
}

Status RocksEngine::compact(std::string_view from, std::string_view to) {
  if (!database_) return reopening();
  const rocksdb::Slice begin = slice(from);
  const rocksdb::Slice end = slice(to);
  const rocksdb::Status status =
      rocksdb::experimental::SuggestCompactRange(database_.get(), &begin, to.empty() ? nullptr : &end);
  if (!status.ok()) return rocks_failure("cannot compact", status);
  return {};
}

Status RocksEngine::trim() {
  if (!database_) return reopening();
  const rocksdb::Status status = database_->Flush(rocksdb::FlushOptions());
  ::malloc_trim(0);
  if (!status.ok()) return rocks_failure("cannot flush", status);
  return {};
}

std::string after_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace hearth::storage
