"""The governed life of a model: versions, gates, promotions."""
