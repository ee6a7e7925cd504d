#pragma once
// Paging of IAM's lists: Marker is the name of the last item shown.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hearth::services::iam {

// Moves one page of `items` (in name order) into `shown` and sets the reply's truncation members. `name_of` gives an
// item's name, `convert` its form in the reply.
template <class Reply, class Item, class Shown, class NameOf, class Convert>
void fill_page(Reply& reply, std::optional<std::vector<Shown>>& shown, std::vector<Item> items,
               const std::optional<std::string>& marker, std::optional<std::int32_t> max_items, NameOf name_of,
               Convert convert) {
  constexpr std::int32_t kDefaultPage = 100;
  const auto limit = static_cast<std::size_t>(max_items.value_or(kDefaultPage));
  shown.emplace();
  reply.is_truncated = false;
  std::string last;
  for (Item& item : items) {
    const std::string name = name_of(item);
    if (marker && name <= *marker) continue;
    if (shown->size() == limit) {
      reply.is_truncated = true;
      reply.marker = last;
      return;
    }
    last = name;
    shown->push_back(convert(std::move(item)));
  }
}

}  // namespace hearth::services::iam
