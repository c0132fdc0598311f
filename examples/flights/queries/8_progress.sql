-- Records read
SELECT source, records, clock FROM progress ORDER BY source;
