"""Every metric again, as its definition reads: loops over users and items, dictionaries, sets."""

import math
from collections import Counter


def accuracy(order, targets, k):
    """Of one user: the items in ranked order, and the set held out."""
    listed = order[:k]
    hits = [place for place, item in enumerate(listed, 1) if item in targets]
    dcg = sum(1 / math.log2(place + 1) for place in hits)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(targets)) + 1))
    return {
        "ndcg": dcg / ideal,
        "recall": len(hits) / len(targets),
        "hit_rate": float(bool(hits)),
        "mrr": 1 / hits[0] if hits else 0.0,
    }


def novelty(listed, histories):
    """Histories: user -> items, of all users with events."""
    users = Counter(item for items in histories.values() for item in set(items))
    return sum(-math.log2(users.get(i, 1) / len(histories)) for i in listed) / len(listed)


def popularity(items, histories):
    counts = Counter(item for row in histories.values() for item in row)
    return sum(counts[item] for item in items) / len(items)


def serendipity(listed, targets, histories, n_items):
    counts = Counter(item for row in histories.values() for item in row)
    levels = sorted(set(counts.values()), reverse=True)
    total = 0.0
    for place, item in enumerate(listed, 1):
        if item in targets:
            anybody = 0.0
            if counts[item]:
                anybody = (n_items + 1 - (levels.index(counts[item]) + 1)) / n_items
            total += max(0.0, (n_items + 1 - place) / n_items - anybody)
    return total / len(listed)


def diversity(listed, vectors):
    """Vectors: dictionaries word -> weight, of any length."""

    def cosine(a, b):
        lengths = [math.sqrt(sum(w * w for w in v.values())) for v in (a, b)]
        if 0 in lengths:
            return 0.0
        return sum(w * b.get(word, 0) for word, w in a.items()) / math.prod(lengths)

    pairs = [(a, b) for i, a in enumerate(listed) for b in listed[i + 1 :]]
    return sum(1 - cosine(vectors[a], vectors[b]) for a, b in pairs) / len(pairs)


def distribution(items, categories):
    """Categories: item -> its categories, each an equal part."""
    total = Counter()
    for item in items:
        for category in categories[item]:
            total[category] += 1 / len(categories[item]) / len(items)
    return total


def miscalibration(listed, history, categories, alpha=0.01):
    p, q = distribution(history, categories), distribution(listed, categories)
    return sum(
        share * math.log(share / ((1 - alpha) * q[g] + alpha * share)) for g, share in p.items()
    )


def coverage(lists, n_items):
    return len({item for listed in lists for item in listed}) / n_items


def gini(lists, n_items):
    """Half the relative mean difference over all pairs of items."""
    counts = Counter(item for listed in lists for item in listed)
    levels = Counter(counts[item] for item in range(n_items))
    difference = sum(m * n * abs(a - b) for a, m in levels.items() for b, n in levels.items())
    mean = sum(counts.values()) / n_items
    return difference / (2 * n_items**2 * mean)
