#pragma once
// PerEndpoint<T>: one value per endpoint of a pool, by its index in the view, kept for an endpoint while others come and go.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "evener/core/ids.h"
#include "evener/route/view.h"

namespace evener::route {

template <class T>
class PerEndpoint {
 public:
  /// Follows a change of membership; a new endpoint gets `initial`. O(endpoints).
  void follow(std::span<const EndpointView> endpoints, const T& initial) {
    std::vector<EndpointId> ids;
    std::vector<T> values;
    ids.reserve(endpoints.size());
    values.reserve(endpoints.size());
    std::size_t old = 0;
    for (const EndpointView& endpoint : endpoints) {  // both lists are sorted by id
      while (old < ids_.size() && ids_[old] < endpoint.id) ++old;
      const bool known = old < ids_.size() && ids_[old] == endpoint.id;
      ids.push_back(endpoint.id);
      values.push_back(known ? values_[old] : initial);
    }
    ids_ = std::move(ids);
    values_ = std::move(values);
  }

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  T& operator[](std::size_t index) { return values_[index]; }
  const T& operator[](std::size_t index) const { return values_[index]; }

 private:
  std::vector<EndpointId> ids_;
  std::vector<T> values_;
};

}  // namespace evener::route
