#include "services/sts/store.h"

#include "base/bytes.h"
#include "storage/key.h"

namespace hearth::services::sts {

Result<std::string> load_sealing_key(storage::Store& store) {
  constexpr std::size_t kKeyBytes = 32;
  const std::string row = storage::make_key("sts.key", "all", "global", {"sealing"});
  TRY(auto key, store.get(row));
  if (key && key->size() != kKeyBytes) {
    // A key that others could guess is worse than none.
    return fail(storage::ErrorKind::kCorrupt, "the key that seals sessions does not read back");
  }
  if (key) return std::move(*key);
  std::string made = random_bytes(kKeyBytes);
  storage::Batch batch;
  batch.put(row, made);
  TRY_STATUS(store.commit(std::move(batch)));
  return made;
}

}  // namespace hearth::services::sts
