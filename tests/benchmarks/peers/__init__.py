"""What the product is measured against: each stands alone, tuned, with the same bytes and the same durable guarantees where it has any."""
