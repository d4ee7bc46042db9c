-- Logins at a provider that opened a session here: each opens one, and can come again until its time is over.
CREATE TABLE used_logins (
  id    text   PRIMARY KEY,
  until bigint NOT NULL
);
