-- The service's own role and database, made by a superuser with psql, once: the role owns its database, and is and may nothing else.
--   psql --username=postgres --set=password_file=/run/secrets/database_password --file=role.sql
-- In a container of the official image it lies in /docker-entrypoint-initdb.d and finds the file by itself.
\set ON_ERROR_STOP on
\if :{?name} \else \set name tsbridge \endif
\if :{?password_file} \else \set password_file /run/secrets/database_password \endif
\setenv PASSWORD_FILE :password_file
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
\connect :"name"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO :"name";
