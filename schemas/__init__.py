"""The words of the wire: event types, envelope, ids, and the codec between bytes and facts."""
