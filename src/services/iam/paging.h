#pragma once
// Paging of IAM's lists: Marker is the name of the last item shown.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hearth::services::iam {

inline constexpr std::int32_t kDefaultPage = 100;

// As AWS says of MaxItems, a page may be shorter than asked for: no more is shown than one turn of the loop has time
// for.
inline std::size_t page_size(std::optional<std::int32_t> max_items) {
  return static_cast<std::size_t>(std::min(max_items.value_or(kDefaultPage), kDefaultPage));
}

// Of a map's items in key order, those after `marker` that `keep` keeps: a page, and one more if there is more. Only
// what is shown is looked at closely, however many there are. The pointers hold until the map changes.
template <class Map, class Keep>
std::vector<const typename Map::mapped_type*> page_of(const Map& items, const std::optional<std::string>& marker,
                                                      std::optional<std::int32_t> max_items, Keep keep) {
  const std::size_t limit = page_size(max_items);
  std::vector<const typename Map::mapped_type*> page;
  for (auto item = marker ? items.upper_bound(*marker) : items.begin(); item != items.end() && page.size() <= limit;
       ++item) {
    if (keep(item->second)) page.push_back(&item->second);
  }
  return page;
}

// Moves one page of `items` (in name order) into `shown` and sets the reply's truncation members. `name_of` gives an
// item's name, `convert` its form in the reply.
template <class Reply, class Item, class Shown, class NameOf, class Convert>
void fill_page(Reply& reply, std::optional<std::vector<Shown>>& shown, std::vector<Item> items,
               const std::optional<std::string>& marker, std::optional<std::int32_t> max_items, NameOf name_of,
               Convert convert) {
  const std::size_t limit = page_size(max_items);
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
